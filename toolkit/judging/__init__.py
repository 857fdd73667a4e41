"""What a metric sees: real clips harmed in known steps, and every metric's answer to each."""
