// Being written by E3 (attention forward and gradient).
