"""Where the stages meet: a listing is an async iterator of batches."""
