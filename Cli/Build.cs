using System.Reflection;

namespace FaceSearch.Cli;

/// <summary>Which build this is.</summary>
internal static class Build
{
    /// <summary>Version without the commit, for example <c>0.1.0</c>.</summary>
    public static string Version { get; } =
        typeof(Build).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
}
