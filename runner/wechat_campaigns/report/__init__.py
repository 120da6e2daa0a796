"""Problems, plans and results as text, JSON and annotations: strings in, strings out."""
