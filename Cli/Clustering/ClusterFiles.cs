using System.Globalization;
using FaceSearch.Cli.Terminal;

namespace FaceSearch.Cli.Clustering;

/// <summary>What a clustering leaves on the disk, where it was asked to.</summary>
internal static class ClusterFiles
{
    /// <summary>One row a face: <c>group,file,x,y,width,height</c>.</summary>
    public static void WriteCsv(TextWriter writer, FolderClusters clusters)
    {
        writer.WriteLine("group,file,x,y,width,height");
        foreach (FacesOfOne group in clusters.Groups)
        {
            foreach (ClusteredFace face in group.Faces)
            {
                writer.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{group.Name},{Quoted(face.File)},{face.Box.X:F1},{face.Box.Y:F1},{face.Box.Width:F1},{face.Box.Height:F1}"));
            }
        }
    }

    /// <summary>Refuses a folder that holds something, before the work begins.</summary>
    /// <exception cref="UsageException">It is not empty.</exception>
    public static void CheckEmpty(string folder)
    {
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
            throw new UsageException($"'{folder}' is not an empty folder.", "Name one that does not exist yet: --copy-to <folder>");
    }

    /// <summary>
    /// Copies every picture into the sub-folder of each group it shows; a picture of several people lands in several. The name is
    /// the path below the folder with '_' for '/', and a number where two would be the same.
    /// </summary>
    public static void Copy(FolderClusters clusters, IReadOnlyDictionary<string, string> fullPaths, string folder)
    {
        foreach (FacesOfOne group in clusters.Groups)
        {
            string target = Directory.CreateDirectory(Path.Combine(folder, group.Name)).FullName;
            HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);
            foreach (string file in group.Faces.Select(face => face.File).Distinct(StringComparer.Ordinal))
            {
                string flat = file.Replace('/', '_'), name = flat;
                for (int n = 2; !taken.Add(name); n++)
                    name = string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(flat)}-{n}{Path.GetExtension(flat)}");
                File.Copy(fullPaths[file], Path.Combine(target, name));
            }
        }
    }

    /// <summary>RFC 4180.</summary>
    private static string Quoted(string text) => text.AsSpan().IndexOfAny("\",\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
