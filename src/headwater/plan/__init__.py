"""Stage 2, what will be asked: a Config becomes a Plan of steps, parents before children."""
