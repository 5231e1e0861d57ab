"""What a sandbox does besides: vendors see their own messages and let things happen. Never in production."""
