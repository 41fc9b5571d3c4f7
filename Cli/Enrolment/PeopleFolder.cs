namespace FaceSearch.Cli.Enrolment;

/// <summary>One image of one person.</summary>
/// <param name="Identity">Identity id: the sub-folder's name.</param>
/// <param name="RelativePath">Path below the scanned folder, with '/' on every system.</param>
/// <param name="FullPath">Where to read it.</param>
public sealed record PersonImage(string Identity, string RelativePath, string FullPath);

/// <summary>A file that is not sent, and why.</summary>
public sealed record SkippedFile(string RelativePath, string Reason);

/// <summary>
/// A folder with one sub-folder per person. The order is ordinal by path on every machine and file system, so that
/// "the first image of a person" and every split of the people mean the same everywhere.
/// </summary>
/// <param name="Images">Images, by path.</param>
/// <param name="Skipped">Files that are no images, lie outside a person's folder, or whose folder name is no identity id.</param>
public sealed record PeopleFolder(IReadOnlyList<PersonImage> Images, IReadOnlyList<SkippedFile> Skipped)
{
    /// <summary>File extensions that are sent; whether the bytes are an image is the server's judgement.</summary>
    public static IReadOnlySet<string> Extensions { get; } =
        new HashSet<string>(StringComparer.OrdinalIgnoreCase) { ".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif" };

    private static readonly EnumerationOptions Walk = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
        ReturnSpecialDirectories = false,
    };

    /// <summary>Number of people with at least one image.</summary>
    public int People => Images.Select(image => image.Identity).Distinct(StringComparer.Ordinal).Count();

    /// <summary>Scans <paramref name="folder"/>; symbolic links to files are followed, hidden files are ignored.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static PeopleFolder Scan(string folder)
    {
        string root = Path.GetFullPath(folder);
        if (!Directory.Exists(root))
            throw new DirectoryNotFoundException($"There is no folder '{folder}'.");
        List<PersonImage> images = [];
        List<SkippedFile> skipped = [];
        foreach (string file in FilesBelow(root))
        {
            string relative = RelativePath(root, file);
            int slash = relative.IndexOf('/', StringComparison.Ordinal);
            string identity = slash < 0 ? "" : relative[..slash];
            if (slash < 0)
                skipped.Add(new(relative, "not-in-a-persons-folder"));
            else if (!Extensions.Contains(Path.GetExtension(file)))
                skipped.Add(new(relative, "not-an-image"));
            else if (!Ids.IsIdentity(identity))
                skipped.Add(new(relative, "folder-name-is-no-identity-id"));
            else
                images.Add(new(identity, relative, file));
        }
        return new(images, skipped);
    }

    /// <summary>Image files, or all images below folders, of one person whose id the caller names.</summary>
    /// <exception cref="FileNotFoundException">A path does not exist.</exception>
    public static PeopleFolder OfOne(string identity, IEnumerable<string> paths) =>
        new([.. ImageFiles(paths).Select(file => new PersonImage(identity, file.RelativePath, file.FullPath))], []);

    /// <summary>Expands files and folders to image files, in order; a file that is named is taken whatever its extension.</summary>
    /// <exception cref="FileNotFoundException">A path does not exist.</exception>
    public static IEnumerable<(string RelativePath, string FullPath)> ImageFiles(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            if (File.Exists(path))
            {
                yield return (path.Replace('\\', '/'), Path.GetFullPath(path));
            }
            else if (Directory.Exists(path))
            {
                foreach ((string relative, string file) in ImagesBelow(path))
                    yield return ($"{path.Replace('\\', '/').TrimEnd('/')}/{relative}", file);
            }
            else
            {
                throw new FileNotFoundException($"There is no file or folder '{path}'.", path);
            }
        }
    }

    /// <summary>All images below a folder, in order, by their paths below it.</summary>
    public static IEnumerable<(string RelativePath, string FullPath)> ImagesBelow(string folder)
    {
        string root = Path.GetFullPath(folder);
        return FilesBelow(root).Where(file => Extensions.Contains(Path.GetExtension(file))).Select(file => (RelativePath(root, file), file));
    }

    private static List<string> FilesBelow(string root)
    {
        List<string> files = [.. Directory.EnumerateFiles(root, "*", Walk)];
        files.Sort((a, b) => string.CompareOrdinal(RelativePath(root, a), RelativePath(root, b)));
        return files;
    }

    private static string RelativePath(string root, string file) => Path.GetRelativePath(root, file).Replace('\\', '/');
}
