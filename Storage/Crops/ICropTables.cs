using FaceSearch.Storage.Backup;

namespace FaceSearch.Storage.Crops;

/// <summary>A template's keys and sealed image, as stored.</summary>
internal sealed record SealedImage(long Template, byte[] PersonKey, byte[] Person, byte[] TemplateKey, byte[] Body);

/// <summary>One gallery's rows of keys and sealed images in some store. Not thread-safe.</summary>
internal interface ICropTables : IDisposable
{
    /// <summary>Begins a transaction that writes.</summary>
    void Begin();

    void Commit();

    /// <summary>Ends an open transaction, if there is one.</summary>
    void Rollback();

    (long Key, byte[] Wrapped)? FindPerson(byte[] person);

    long PutPerson(byte[] person, byte[] wrapped);

    /// <summary>Destroys a person's key and name.</summary>
    void EndPerson(long key);

    (long Person, bool Live, byte[] Wrapped)? FindKey(long template);

    void PutKey(long template, long person, byte[] wrapped);

    /// <summary>Destroys a template's key; that there was one is remembered.</summary>
    void EndKey(long template);

    /// <summary>
    /// A template without a key is gone: where other processes write too, an image of it that is still on its way must not be kept.
    /// </summary>
    void Bar(long template);

    bool HasLiveKeys(long person);

    /// <summary>False if there is such an image already.</summary>
    bool PutImage(long template, ImageKind kind, byte[] body);

    int DropImages(long template);

    bool Has(long template, ImageKind kind);

    SealedImage? Read(long template, ImageKind kind);

    /// <summary>All rows for a copy of the tables, outside of a transaction: people, keys, images, in pages that each see one moment.</summary>
    IEnumerable<CropRow> Rows();

    /// <summary>Copies what is pending into its final place; outside of a transaction.</summary>
    void Checkpoint();

    /// <summary>After it the destroyed keys are in no file of the tables; outside of a transaction.</summary>
    void Scrub();

    /// <summary>The store's exception for a failure, after a rollback.</summary>
    Exception Translate(Exception e);
}
