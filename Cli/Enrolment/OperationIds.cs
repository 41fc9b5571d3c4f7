using System.Security.Cryptography;
using System.Text;

namespace FaceSearch.Cli.Enrolment;

/// <summary>
/// Operation ids that a second run of the same command computes again: the server recognises them and answers "replayed"
/// instead of enrolling twice. They hold nothing of the image but its hash's hash.
/// </summary>
public static class OperationIds
{
    /// <summary>
    /// The id of enrolling one image: a hash of gallery, identity, relative path and content, so that a changed file is a new
    /// operation, and so is the same file under another name or in another gallery.
    /// </summary>
    /// <param name="gallery">Gallery id.</param>
    /// <param name="identity">Identity id.</param>
    /// <param name="relativePath">Path below the enrolled folder, with '/'.</param>
    /// <param name="content">The file's bytes.</param>
    /// <param name="attempt">Free text that makes all ids new on purpose, for example after an erasure; null for none.</param>
    /// <returns>44 characters: <c>cli-</c> and 40 hexadecimal digits.</returns>
    public static string ForImage(string gallery, string identity, string relativePath, ReadOnlySpan<byte> content, string? attempt = null)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(content));
        return Hash($"enrol\n{gallery}\n{identity}\n{relativePath}\n{hash}\n{attempt}");
    }

    /// <summary>A fresh id for a single command that nobody resumes.</summary>
    public static string New() => "cli-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));

    /// <summary>An id from any text that names the operation.</summary>
    public static string Hash(string text) =>
        "cli-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 20));
}
