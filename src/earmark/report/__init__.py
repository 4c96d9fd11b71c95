"""What people read: one self-contained page for each study, its figures, and the files beside it.

``page`` is the layout, ``style`` the look of figures, ``words`` what is said; the pages need the ``train`` extra.
"""
