"""The mathematics: vocabulary, embeddings, sampling, gradients, updates. Only NumPy is used."""
