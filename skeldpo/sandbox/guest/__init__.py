"""What runs inside a sandbox container: standard library only, copied into the image."""
