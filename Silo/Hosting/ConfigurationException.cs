namespace FaceSearch.Silo.Hosting;

/// <summary>Settings that contradict each other or name what this build does not have; the message is for whoever wrote them.</summary>
public sealed class ConfigurationException(string message) : Exception(message);
