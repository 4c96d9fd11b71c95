"""A page on which a person listens to what an audit found, and decides. Needs the core and the ``serve`` extra.

===============  ====================================================================================================
``items``        what there is to look at, from ``audit.json``
``journal``      what was decided: ``review.jsonl``, one line each, only ever added to; and ``reviewed.csv``, the table
``neighbours``   the clips that sound most like a clip
``app``          the server, on this machine's own address and behind a token
===============  ====================================================================================================

The sounds and the user's own table are never written.
"""
