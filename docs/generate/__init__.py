"""Write the documentation site: `python -m docs.generate build`. Not part of the product; needs the `dev` extra."""
