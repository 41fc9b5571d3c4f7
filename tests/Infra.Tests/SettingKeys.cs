using System.Text.RegularExpressions;

namespace FaceSearch.Infra.Tests;

/// <summary>The configuration keys that the sources know: options classes with the sections they are bound to, and keys that are read by name.</summary>
internal sealed partial class SettingKeys
{
    private static readonly string[] Rooms = ["Contracts", "Silo", "Gateway", "Grains", "Storage", "Vision", "TrainingJob", "Cli", "VectorIndex"];

    private readonly Dictionary<string, Dictionary<string, string>> _properties = [];
    private readonly Dictionary<string, string> _sections = [];
    private readonly HashSet<string> _named = [];
    private readonly HashSet<string> _variables = [];

    public SettingKeys()
    {
        foreach (string room in Rooms)
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Tree.Root, room), "*.cs", SearchOption.AllDirectories).Where(f => !f.Contains("/obj/", StringComparison.Ordinal)))
                Read(File.ReadAllText(file));
        }
    }

    /// <summary>Whether a key such as <c>Cluster:Tls:Key</c> or <c>Messaging:Images:Roots:0</c> means something.</summary>
    public bool Knows(string key)
    {
        if (_named.Contains(key))
            return true;
        string? section = _sections.Keys.Where(s => key.StartsWith(s + ":", StringComparison.Ordinal)).MaxBy(s => s.Length);
        return section is not null && Resolves(_sections[section], key[(section.Length + 1)..].Split(':'));
    }

    /// <summary>Whether some source reads this variable (FACESEARCH_...).</summary>
    public bool KnowsVariable(string name) => _variables.Contains(name);

    private bool Resolves(string type, string[] path)
    {
        if (!_properties.TryGetValue(type, out Dictionary<string, string>? properties) || !properties.TryGetValue(path[0], out string? of))
            return false;
        return path.Length == 1 || (path.Length == 2 && int.TryParse(path[1], out _) && of.Contains('<', StringComparison.Ordinal)) || Resolves(of.TrimEnd('?'), path[1..]);
    }

    private void Read(string source)
    {
        string type = "";
        foreach (Match match in Declarations().Matches(source))
        {
            if (match.Groups["type"].Success)
                type = match.Groups["type"].Value;
            else if (match.Groups["section"].Success)
                _sections[match.Groups["section"].Value] = type;
            else if (match.Groups["bound"].Success)
                _sections[match.Groups["at"].Value] = match.Groups["bound"].Value;
            else
                (_properties.TryGetValue(type, out Dictionary<string, string>? known) ? known : _properties[type] = [])[match.Groups["property"].Value] = match.Groups["of"].Value;
        }
        foreach (Match match in NamedKeys().Matches(source))
            _named.Add(match.Groups[1].Value);
        foreach (Match match in Variables().Matches(source))
            _variables.Add(match.Groups[1].Value);
    }

    [GeneratedRegex("""
        \b(?:class|record)\s+(?<type>\w+)|const\s+string\s+Section\s*=\s*"(?<section>[\w:]+)"|AddOptions<(?<bound>\w+)>\(\)\s*\.Bind\([^")]*GetSection\("(?<at>\w+)"|public\s+(?:required\s+)?(?<of>[\w<>?\[\].,]+)\s+(?<property>\w+)\s*\{\s*get;
        """, RegexOptions.ExplicitCapture)]
    private static partial Regex Declarations();

    [GeneratedRegex("""(?:Configuration\[|GetValue<\w+>\(|GetSection\()"([A-Z]\w+(?::\w+)+)""")]
    private static partial Regex NamedKeys();

    [GeneratedRegex("\"(FACESEARCH_[A-Z_]+)")]
    private static partial Regex Variables();
}
