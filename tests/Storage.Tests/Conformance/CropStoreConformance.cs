namespace FaceSearch.Storage.Tests.Conformance;

/// <summary>A store of retained images under test.</summary>
public abstract class CropStoreFixture : IAsyncDisposable
{
    /// <summary>A store on the same place; each call makes another one, as another process would, after the earlier one was closed.</summary>
    public abstract ValueTask<ICropStore> ConnectAsync();

    /// <summary>All raw bytes of the store as they are now, object by object.</summary>
    public abstract ValueTask<IReadOnlyList<byte[]>> BytesAsync();

    /// <summary>Flips a bit of every stored image, whatever seals it.</summary>
    public abstract ValueTask DamageImagesAsync();

    public abstract ValueTask DisposeAsync();
}

/// <summary>What every store of retained images does; each provider runs all of it, unchanged.</summary>
public abstract class CropStoreConformance : IAsyncLifetime
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;
    private CropStoreFixture _fixture = null!;
    private ICropStore _store = null!;

    protected abstract ValueTask<CropStoreFixture> CreateStoreAsync();

    public async ValueTask InitializeAsync()
    {
        _fixture = await CreateStoreAsync();
        _store = await _fixture.ConnectAsync();
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _fixture.DisposeAsync();
    }

    [Fact]
    public async Task What_was_put_is_read_back_by_another_process_and_what_is_missing_is_left_out()
    {
        await _store.PutAsync("people", "ann", [Image(1), Image(2), Image(1, ImageKind.Original)], Cancellation);
        await _store.PutAsync("people", "bob", [Image(3)], Cancellation);
        _store = await _fixture.ConnectAsync();

        RetainedImages crops = await _store.ReadAsync("people", Ids(3, 9, 1, 2), ImageKind.Crop, Cancellation);
        crops.Images.Select(i => i.Template.Value).ShouldBe([3, 1, 2]);
        crops.Images.ShouldAllBe(i => i.Bytes.SequenceEqual(Image(i.Template.Value, i.Kind).Bytes));
        crops.Damaged.ShouldBeEmpty();
        (await _store.ReadAsync("people", Ids(1, 2, 3), ImageKind.Original, Cancellation)).Images.ShouldHaveSingleItem().Bytes.ShouldBe(Image(1, ImageKind.Original).Bytes);
        (await _store.HavingAsync("people", Ids(1, 2, 9), ImageKind.Crop, Cancellation)).Select(t => t.Value).ShouldBe([1, 2]);
        (await _store.ReadAsync("nobody", Ids(1), ImageKind.Crop, Cancellation)).Images.ShouldBeEmpty();
    }

    [Fact]
    public async Task No_stored_byte_shows_an_image_or_a_name()
    {
        await _store.PutAsync("people", "somebody-with-a-long-name", [Image(1), Image(1, ImageKind.Original)], Cancellation);
        foreach (byte[] stored in await _fixture.BytesAsync())
        {
            stored.AsSpan().IndexOf(Image(1).Bytes.AsSpan(100, 16)).ShouldBe(-1);
            stored.AsSpan().IndexOf("somebody-with-a-long-name"u8).ShouldBe(-1);
        }
    }

    [Fact]
    public async Task Putting_again_keeps_the_first_image()
    {
        await _store.PutAsync("people", "ann", [Image(1)], Cancellation);
        await _store.PutAsync("people", "ann", [new RetainedImage(new(1), ImageKind.Crop, [1, 2, 3])], Cancellation);
        (await _store.ReadAsync("people", Ids(1), ImageKind.Crop, Cancellation)).Images.Single().Bytes.ShouldBe(Image(1).Bytes);
    }

    [Fact]
    public async Task An_erased_template_is_gone_from_every_file_others_stay_and_nothing_brings_it_back()
    {
        await _store.PutAsync("people", "ann", [Image(1), Image(2)], Cancellation);
        IReadOnlyList<byte[]> before = await _fixture.BytesAsync();
        (await _store.EraseAsync("people", Ids(1, 7), Cancellation)).ShouldBe(1);
        (await _store.EraseAsync("people", Ids(1), Cancellation)).ShouldBe(0);
        await _store.PutAsync("people", "ann", [Image(1)], Cancellation);

        (await _store.ReadAsync("people", Ids(1, 2), ImageKind.Crop, Cancellation)).Images.ShouldHaveSingleItem().Template.Value.ShouldBe(2);
        await HoldsNothingThatOnlyCameFromAsync(before, _store, Ids(1));
    }

    [Fact]
    public async Task Erasing_a_person_s_last_template_destroys_the_person_s_key_and_a_new_beginning_gets_another()
    {
        await _store.PutAsync("people", "ann", [Image(1), Image(2), Image(2, ImageKind.Original)], Cancellation);
        await _store.PutAsync("people", "bob", [Image(3)], Cancellation);
        (await _store.EraseAsync("people", Ids(1, 2), Cancellation)).ShouldBe(3);
        await _store.PutAsync("people", "ann", [Image(4)], Cancellation);
        _store = await _fixture.ConnectAsync();
        (await _store.ReadAsync("people", Ids(1, 2, 3, 4), ImageKind.Crop, Cancellation)).Images.Select(i => i.Template.Value).ShouldBe([3, 4]);
    }

    [Fact]
    public async Task A_damaged_image_is_named_and_the_others_are_read()
    {
        await _store.PutAsync("people", "ann", [Image(1)], Cancellation);
        await _fixture.DamageImagesAsync();
        _store = await _fixture.ConnectAsync();
        await _store.PutAsync("people", "ann", [Image(2)], Cancellation);
        RetainedImages read = await _store.ReadAsync("people", Ids(1, 2), ImageKind.Crop, Cancellation);
        read.Damaged.ShouldHaveSingleItem().Value.ShouldBe(1);
        read.Images.ShouldHaveSingleItem().Template.Value.ShouldBe(2);
    }

    [Fact]
    public async Task A_deleted_gallery_takes_its_images_and_no_other_s()
    {
        await _store.PutAsync("people", "ann", [Image(1)], Cancellation);
        await _store.PutAsync("others", "ann", [Image(1)], Cancellation);
        await _store.DeleteGalleryAsync("people", Cancellation);
        await _store.DeleteGalleryAsync("people", Cancellation);
        (await _store.HavingAsync("people", Ids(1), ImageKind.Crop, Cancellation)).ShouldBeEmpty();
        (await _store.HavingAsync("others", Ids(1), ImageKind.Crop, Cancellation)).Count.ShouldBe(1);
        await _store.PutAsync("people", "ann", [Image(2)], Cancellation);
        (await _store.HavingAsync("people", Ids(1, 2), ImageKind.Crop, Cancellation)).Single().Value.ShouldBe(2);
    }

    [Fact]
    public async Task Many_at_once_are_all_there()
    {
        await Task.WhenAll(Enumerable.Range(1, 300).Select(i => _store.PutAsync("people", $"person-{i % 40}", [Image(i)], Cancellation).AsTask()));
        _store = await _fixture.ConnectAsync();
        RetainedImages read = await _store.ReadAsync("people", Ids([.. Enumerable.Range(1, 300).Select(i => (long)i)]), ImageKind.Crop, Cancellation);
        read.Images.Count.ShouldBe(300);
        read.Images.ShouldAllBe(i => i.Bytes.SequenceEqual(Image(i.Template.Value).Bytes));
    }

    private static TemplateId[] Ids(params long[] ids) => [.. ids.Select(id => new TemplateId(id))];

    private static RetainedImage Image(long template, ImageKind kind = ImageKind.Crop)
    {
        byte[] bytes = new byte[kind == ImageKind.Crop ? 3 * 16 * 16 : 20_000];
        new Random((int)((template * 2) + (int)kind)).NextBytes(bytes);
        return new RetainedImage(new(template), kind, bytes);
    }

    /// <summary>What could unseal the templates' images is in no file any more: long runs of bytes that were there before are gone.</summary>
    protected abstract ValueTask HoldsNothingThatOnlyCameFromAsync(IReadOnlyList<byte[]> before, ICropStore store, TemplateId[] erased);
}
