using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FaceSearch.Silo.Messaging;

/// <summary>Reads files under the allow-listed folders. What is opened is judged by where it really is, so neither <c>..</c> nor a link leads out.</summary>
internal sealed partial class ImageFiles(ImageSourceOptions options)
{
    private const int ReadOnly = 0, NonBlocking = 0x800, CloseOnExec = 0x80000; // O_RDONLY, O_NONBLOCK, O_CLOEXEC of Linux
    private const int NotFound = 2, Denied = 13, NotAFolder = 20, Loop = 40; // ENOENT, EACCES, ENOTDIR, ELOOP

    private readonly string[] _roots = [.. options.Roots.Select(r => Path.TrimEndingDirectorySeparator(Path.GetFullPath(r)))];

    /// <exception cref="ImageReferenceException">Outside the folders, no regular file, or too large.</exception>
    /// <exception cref="IOException">It cannot be read now.</exception>
    public async Task<ReadOnlyMemory<byte>> ReadAsync(Uri address, CancellationToken cancellation)
    {
        if (address.Host.Length > 0 && address.Host != "localhost")
            throw new ImageReferenceException("not-allowed", "A file: address names no other machine.");
        string path = Path.GetFullPath(address.LocalPath);
        if (path.Contains('\0', StringComparison.Ordinal) || !_roots.Any(root => IsUnder(path, root)))
            throw NotAllowed();
        using SafeFileHandle file = Open(path);
        string real = File.ResolveLinkTarget($"/proc/self/fd/{file.DangerousGetHandle()}", returnFinalTarget: false)?.FullName ?? throw NotAllowed();
        if (!_roots.Any(root => IsUnder(real, Real(root))))
            throw NotAllowed();
        return await ReadAsync(file, cancellation);
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(SafeFileHandle file, CancellationToken cancellation)
    {
        long length;
        try
        {
            length = RandomAccess.GetLength(file);
        }
        catch (Exception e) when (e is NotSupportedException or IOException or UnauthorizedAccessException)
        {
            throw new ImageReferenceException("not-a-file", "'image' is not a regular file.");
        }
        if (length > options.MaxBytes)
            throw ImageReferences.TooLarge(options.MaxBytes);
        byte[] image = new byte[length];
        int done = 0;
        while (done < length)
        {
            int read = await RandomAccess.ReadAsync(file, image.AsMemory(done), done, cancellation);
            if (read == 0)
                break;
            done += read;
        }
        return image.AsMemory(0, done);
    }

    /// <summary>Without waiting: a pipe that nobody writes to would hold the consumer for ever.</summary>
    private static SafeFileHandle Open(string path)
    {
        int descriptor = OpenFile(path, ReadOnly | NonBlocking | CloseOnExec);
        if (descriptor >= 0)
        {
            SafeFileHandle file = new(descriptor, ownsHandle: true);
            if (!Directory.Exists($"/proc/self/fd/{descriptor}"))
                return file;
            file.Dispose();
            throw new ImageReferenceException("not-a-file", "'image' is not a regular file.");
        }
        throw Marshal.GetLastPInvokeError() switch
        {
            NotFound or NotAFolder or Loop => new ImageReferenceException("not-found", "There is no such image."),
            Denied => new ImageReferenceException("denied", "The server may not read the image."),
            int error => new IOException($"The image cannot be opened (error {error})."),
        };
    }

    private static string Real(string root)
    {
        string real = "/";
        foreach (string part in root.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            real = Path.Combine(real, part);
            real = new DirectoryInfo(real).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? real;
        }
        return real;
    }

    private static bool IsUnder(string path, string root) => path.StartsWith(root == "/" ? root : root + '/', StringComparison.Ordinal);

    private static ImageReferenceException NotAllowed() =>
        new("not-allowed", "'image' is not under a folder of the server's allow list (Messaging:Images:Roots).");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);
}
