"""What analysts run on a published night: drafts, suggestions, explanations, label samples."""
