"""From labelled clips to a model: prepare, fit, cross-validate, train, evaluate, predict."""
