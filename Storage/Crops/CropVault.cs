using System.Security.Cryptography;
using System.Threading.Channels;

namespace FaceSearch.Storage.Crops;

/// <summary>
/// One gallery's images behind one queue: what arrives while a transaction is being flushed shares the next one, and reads run in
/// between. After a failed write the tables are opened anew before anything else is written.
/// </summary>
internal sealed class CropVault : IAsyncDisposable
{
    /// <summary>Changes in one transaction, at most: about 10 MiB of crops.</summary>
    private const int MaxBatch = 256;

    /// <summary>Images written after which the write-ahead log is copied into the database.</summary>
    private const int ImagesPerCheckpoint = 512;

    private readonly string _gallery;
    private readonly Func<ICropTables> _connect;
    private readonly MasterKey _master;
    private readonly Channel<Work> _queue = Channel.CreateUnbounded<Work>(new() { SingleReader = true });
    private readonly Task _loop;
    private ICropTables? _tables;
    private int _written;

    public CropVault(string gallery, Func<ICropTables> connect, MasterKey master)
    {
        (_gallery, _connect, _master) = (gallery, connect, master);
        _loop = Task.Run(RunAsync);
    }

    private sealed class Work(Func<ICropTables, int> run, bool writes)
    {
        public Func<ICropTables, int> Run { get; } = run;

        public bool Writes { get; } = writes;

        public int Result { get; set; }

        public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public Task PutAsync(string identity, IReadOnlyList<RetainedImage> images) => EnqueueAsync(tables => Put(tables, identity, images), writes: true);

    public async Task<int> EraseAsync(IReadOnlyList<TemplateId> templates)
    {
        int erased = await EnqueueAsync(tables => Erase(tables, templates), writes: true).ConfigureAwait(false);
        await EnqueueAsync(tables =>
        {
            tables.Scrub();
            return 0;
        }, writes: false).ConfigureAwait(false);
        return erased;
    }

    public async Task<IReadOnlyList<TemplateId>> HavingAsync(IReadOnlyList<TemplateId> templates, ImageKind kind)
    {
        List<TemplateId> having = [];
        await EnqueueAsync(tables =>
        {
            having.AddRange(templates.Where(t => tables.Has(t.Value, kind)));
            return having.Count;
        }, writes: false).ConfigureAwait(false);
        return having;
    }

    public async Task<RetainedImages> ReadAsync(IReadOnlyList<TemplateId> templates, ImageKind kind)
    {
        List<SealedImage> found = [];
        await EnqueueAsync(tables =>
        {
            found.AddRange(templates.Select(t => tables.Read(t.Value, kind)).OfType<SealedImage>());
            return found.Count;
        }, writes: false).ConfigureAwait(false);
        List<RetainedImage> images = new(found.Count);
        List<TemplateId> damaged = [];
        foreach (SealedImage image in found)
        {
            if (Open(image, kind) is { } bytes)
                images.Add(new RetainedImage(new(image.Template), kind, bytes));
            else
                damaged.Add(new(image.Template));
        }
        return new RetainedImages(images, damaged);
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
        _tables?.Dispose();
    }

    private int Put(ICropTables tables, string identity, IReadOnlyList<RetainedImage> images)
    {
        byte[] name = CropCipher.NameOf(_master.Value, _gallery, identity);
        (long person, byte[] personKey) = PersonKey(tables, name);
        int put = 0;
        foreach (IGrouping<long, RetainedImage> template in images.GroupBy(i => i.Template.Value))
        {
            byte[] bound = CropCipher.OfTemplate(_gallery, template.Key);
            byte[]? key;
            if (tables.FindKey(template.Key) is { } known)
            {
                if (!known.Live)
                    continue; // It was erased: nothing brings it back.
                key = CropCipher.TryOpen(personKey, known.Wrapped, bound) ?? throw new CropStoreDamagedException("a template's key does not open");
            }
            else
            {
                key = CropCipher.NewKey();
                tables.PutKey(template.Key, person, CropCipher.Seal(personKey, key, bound));
            }
            foreach (RetainedImage image in template)
                put += tables.PutImage(template.Key, image.Kind, CropCipher.Seal(key, image.Bytes, CropCipher.OfImage(_gallery, template.Key, image.Kind))) ? 1 : 0;
            CryptographicOperations.ZeroMemory(key);
        }
        CryptographicOperations.ZeroMemory(personKey);
        _written += put;
        return put;
    }

    private (long Person, byte[] Key) PersonKey(ICropTables tables, byte[] name)
    {
        if (tables.FindPerson(name) is { } known)
            return (known.Key, CropCipher.TryOpen(_master.Value, known.Wrapped, name) ?? throw new CropStoreDamagedException("an identity's key does not open: is the master key the right one?"));
        byte[] key = CropCipher.NewKey();
        return (tables.PutPerson(name, CropCipher.Seal(_master.Value, key, name)), key);
    }

    private static int Erase(ICropTables tables, IReadOnlyList<TemplateId> templates)
    {
        int erased = 0;
        foreach (TemplateId template in templates)
        {
            if (tables.FindKey(template.Value) is not { Live: true } known)
            {
                tables.Bar(template.Value);
                continue;
            }
            tables.EndKey(template.Value);
            if (!tables.HasLiveKeys(known.Person))
                tables.EndPerson(known.Person);
            erased += tables.DropImages(template.Value);
        }
        return erased;
    }

    private byte[]? Open(SealedImage image, ImageKind kind)
    {
        byte[]? person = CropCipher.TryOpen(_master.Value, image.PersonKey, image.Person);
        byte[]? key = person is null ? null : CropCipher.TryOpen(person, image.TemplateKey, CropCipher.OfTemplate(_gallery, image.Template));
        return key is null ? null : CropCipher.TryOpen(key, image.Body, CropCipher.OfImage(_gallery, image.Template, kind));
    }

    private Task<int> EnqueueAsync(Func<ICropTables, int> run, bool writes)
    {
        Work work = new(run, writes);
        ObjectDisposedException.ThrowIf(!_queue.Writer.TryWrite(work), this);
        return work.Done.Task;
    }

    private async Task RunAsync()
    {
        List<Work> batch = [];
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_queue.Reader.TryRead(out Work? first))
            {
                batch.Add(first);
                while (first.Writes && batch.Count < MaxBatch && _queue.Reader.TryPeek(out Work? next) && next.Writes && _queue.Reader.TryRead(out next))
                    batch.Add(next);
                Execute(batch, first.Writes);
                batch.Clear();
            }
        }
    }

    private void Execute(List<Work> batch, bool writes)
    {
        try
        {
            ICropTables tables = _tables ??= _connect();
            if (writes)
                tables.Begin();
            foreach (Work work in batch)
                work.Result = work.Run(tables);
            if (writes)
                tables.Commit();
        }
#pragma warning disable CA1031 // Whatever happened, every caller of the batch gets an answer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Exception failure = Abort(e);
            batch.ForEach(work => work.Done.TrySetException(failure));
            return;
        }
        batch.ForEach(work => work.Done.TrySetResult(work.Result));
        CheckpointAtNeed();
    }

    private void CheckpointAtNeed()
    {
        if (_written < ImagesPerCheckpoint)
            return;
        _written = 0;
        try
        {
            _tables?.Checkpoint();
        }
#pragma warning disable CA1031 // Everything was acknowledged rightly; what is wrong now is met again by the next writer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Abort(e);
        }
    }

    /// <summary>Takes the batch back. What was flushed is unknown after anything but "no space": the tables are opened anew.</summary>
    private Exception Abort(Exception e)
    {
        if (_tables is not { } tables)
            return e;
        Exception translated = tables.Translate(e);
        try
        {
            tables.Rollback();
            if (translated is StorageFullException)
                return translated;
        }
#pragma warning disable CA1031 // They are closed all the same.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
        tables.Dispose();
        _tables = null;
        return translated;
    }
}
