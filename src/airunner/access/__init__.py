"""Who may speak to a server of ours, over whichever protocol: one door for all of them."""
