"""Recipes: which parts a classifier is made of, as text and as files; the named ones lie in shipped/."""
