"""What a developer reads: the pages of the portal, made from agreements and contracts."""
