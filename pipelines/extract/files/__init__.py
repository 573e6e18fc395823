"""What readers of downloaded files share: whose a file is, what is in it, and the drop it becomes."""
