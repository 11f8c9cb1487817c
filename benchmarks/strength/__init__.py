"""How strong the gradient checker is, measured on wrong backward passes that are made mechanically."""
