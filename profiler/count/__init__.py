"""What a network costs on paper: formulas, the closed form, polynomials, witnesses, conventions."""
