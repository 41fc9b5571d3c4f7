using System.Diagnostics;
using YamlDotNet.RepresentationModel;

namespace FaceSearch.Infra.Tests;

/// <summary>The checkout's files, YAML and tools.</summary>
internal static class Tree
{
    /// <summary>The folder that holds FaceSearch.sln.</summary>
    public static string Root { get; } = FindRoot();

    public static string Infra { get; } = Path.Combine(Root, "infra");

    public static string Compose { get; } = Path.Combine(Infra, "compose");

    public static string Chart { get; } = Path.Combine(Infra, "helm", "facesearch");

    /// <summary>What is committed under a folder of infra; not what builds and make-secrets.sh leave there.</summary>
    public static IEnumerable<string> Files(string folder) => Directory.EnumerateFiles(Path.Combine(Infra, folder), "*", SearchOption.AllDirectories)
        .Where(f => !f.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "secrets" or ".env"));

    public static string Read(params string[] parts) => File.ReadAllText(Path.Combine([Root, .. parts]));

    /// <summary>All documents of a file.</summary>
    public static IReadOnlyList<YamlNode> Yaml(string file) => ParseYaml(File.ReadAllText(file));

    public static IReadOnlyList<YamlNode> ParseYaml(string text)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(d => d.RootNode)];
    }

    /// <summary>A mapping's entries, with what it takes over by <c>&lt;&lt;</c>; its own win.</summary>
    public static Dictionary<string, YamlNode> Map(this YamlNode? node)
    {
        Dictionary<string, YamlNode> entries = [];
        if (node is not YamlMappingNode mapping)
            return entries;
        foreach ((YamlNode key, YamlNode value) in mapping.Children)
        {
            if (key.ToString() == "<<")
            {
                foreach ((string inherited, YamlNode its) in value.Map())
                    entries.TryAdd(inherited, its);
            }
        }
        foreach ((YamlNode key, YamlNode value) in mapping.Children)
        {
            if (key.ToString() != "<<")
                entries[key.ToString()] = value;
        }
        return entries;
    }

    public static IEnumerable<YamlNode> Items(this YamlNode? node) => node is YamlSequenceNode sequence ? sequence.Children : [];

    /// <summary>An entry; null where there is none.</summary>
    public static YamlNode? At(this YamlNode? node, params string[] path) =>
        path.Aggregate(node, (found, key) => found.Map().GetValueOrDefault(key));

    public static bool Has(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, tool)));

    /// <summary>Runs a tool; its exit code and all that it said.</summary>
    public static (int Code, string Output) Run(string tool, IEnumerable<string> arguments, string? folder = null, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(tool, arguments) { WorkingDirectory = folder ?? Root, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FaceSearch.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("The tests run inside a checkout of FaceSearch.");
    }
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class Scratch : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("facesearch-infra-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
