"""Studies of recipes: compare, curve, ladder, tune, stress, rerun, and the paper's experiment again."""
