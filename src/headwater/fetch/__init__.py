"""Stage 3, the network: requests go out, pages of bytes come back."""
