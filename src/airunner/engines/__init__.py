"""How a model computes: protocols, and one client per engine."""
