"""What people decide, read and checked: accounts, thresholds, places, and the gazetteer that reads declared places."""
