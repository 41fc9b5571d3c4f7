namespace FaceSearch.Vision;

/// <summary>A model, manifest or store is not usable; the message names the file and what to do.</summary>
public sealed class ModelException(string message, Exception? inner = null) : Exception(message, inner);
