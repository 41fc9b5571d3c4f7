namespace FaceSearch.VectorIndex.Tests;

public sealed class SnapshotTests
{
    private static readonly float[][] s_rows = TestData.FaceLike(3000, 64, seed: 1);

    public static TheoryData<VectorStorage> Storages() => [.. Enum.GetValues<VectorStorage>()];

    [Theory]
    [MemberData(nameof(Storages))]
    public void A_graph_comes_back_as_it_was(VectorStorage storage)
    {
        using var folder = new TempFolder();
        using HnswIndex index = HnswIndexTests.Build(s_rows);
        for (int i = 0; i < 500; i++) index.Remove(i);
        for (int i = 500; i < 600; i++) index.Update(i, s_rows[i - 500]);
        index.Save(folder.File("a"));
        using HnswIndex loaded = HnswIndex.Load(folder.File("a"), storage, new HnswOptions { MaxVectors = 20_000 });
        loaded.Count.ShouldBe(index.Count);
        loaded.SnapshotIds().Order().ShouldBe(index.SnapshotIds().Order());
        GraphInvariants.Check(loaded);
        ShouldAnswerAlike(index, loaded, exactScores: storage != VectorStorage.CodesOnly);
        // And it lives on.
        for (int i = 0; i < 500; i++) loaded.Add(i, s_rows[i]);
        for (int i = 600; i < 700; i++) loaded.Remove(i).ShouldBeTrue();
        GraphInvariants.Check(loaded);
        loaded.Save(folder.File("b"));
        using HnswIndex again = HnswIndex.Load(folder.File("b"), storage);
        again.Count.ShouldBe(loaded.Count);
        ShouldAnswerAlike(loaded, again, exactScores: true);
    }

    [Fact]
    public void Saving_twice_gives_the_same_bytes()
    {
        using var folder = new TempFolder();
        using HnswIndex index = HnswIndexTests.Build(s_rows[..500]);
        index.Save(folder.File("a"));
        index.Save(folder.File("b"));
        File.ReadAllBytes(folder.File("b")).ShouldBe(File.ReadAllBytes(folder.File("a")));
        using HnswIndex loaded = HnswIndex.Load(folder.File("a"));
        loaded.Save(folder.File("c"));
        File.ReadAllBytes(folder.File("c")).ShouldBe(File.ReadAllBytes(folder.File("a")));
    }

    [Fact]
    public void Every_engine_opens_every_engines_snapshot()
    {
        using var folder = new TempFolder();
        using (HnswIndex graph = HnswIndexTests.Build(s_rows[..1000])) graph.Save(folder.File("graph"));
        using (var flat = new FlatIndex(new IndexOptions { Dimension = 64 }))
        {
            for (int i = 0; i < 1000; i++) flat.Add(i, s_rows[i]);
            flat.Save(folder.File("flat"));
        }

        foreach (string file in new[] { "graph", "flat" })
        {
            using FlatIndex flat = FlatIndex.Load(folder.File(file));
            using HnswIndex graph = HnswIndex.Load(folder.File(file));
            using TieredIndex tiered = TieredIndex.Load(folder.File(file), options: new TieredOptions { Crossover = 400 });
            tiered.Settle();
            tiered.UsesGraph.ShouldBeTrue();
            ShouldAnswerAlike(flat, graph, exactScores: true, ef: 512);
            ShouldAnswerAlike(flat, tiered, exactScores: true, ef: 512);
        }
    }

    [Fact]
    public void An_empty_index_and_one_of_a_single_vector_come_back()
    {
        using var folder = new TempFolder();
        using var index = new HnswIndex(new HnswOptions());
        index.Save(folder.File("empty"));
        using (HnswIndex empty = HnswIndex.Load(folder.File("empty"))) empty.Count.ShouldBe(0);
        index.Add(long.MinValue, TestData.Unit(new Random(1), 128));
        index.Save(folder.File("one"));
        using HnswIndex one = HnswIndex.Load(folder.File("one"), VectorStorage.Mapped);
        one.SnapshotIds().ShouldBe([long.MinValue]);
    }

    [Fact]
    public void A_removed_vector_is_in_no_later_snapshot()
    {
        using var folder = new TempFolder();
        using HnswIndex index = HnswIndexTests.Build(s_rows[..300]);
        byte[] floats = new byte[256], marker = new byte[32];
        Buffer.BlockCopy(s_rows[7], 0, floats, 0, 256);
        floats.AsSpan(64, 32).CopyTo(marker);
        index.Save(folder.File("before"));
        File.ReadAllBytes(folder.File("before")).AsSpan().IndexOf(marker).ShouldBeGreaterThan(0);
        index.Remove(7);
        index.Save(folder.File("after"));
        File.ReadAllBytes(folder.File("after")).AsSpan().IndexOf(marker).ShouldBe(-1);
    }

    [Fact]
    public void A_flip_of_any_byte_is_detected()
    {
        using var folder = new TempFolder();
        using (var index = new HnswIndex(new HnswOptions { Dimension = 16, M = 4, EfConstruction = 16, MaxVectors = 64 }))
        {
            var random = new Random(3);
            for (int i = 0; i < 12; i++) index.Add(i, TestData.Unit(random, 16));
            index.Remove(3);
            index.Save(folder.File("good"));
        }

        byte[] good = File.ReadAllBytes(folder.File("good"));
        string bad = folder.File("bad");
        File.WriteAllBytes(bad, good);
        using var file = File.OpenHandle(bad, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        for (int i = 0; i < good.Length; i++)
        {
            RandomAccess.Write(file, [(byte)(good[i] ^ (1 << (i % 8)))], i);
            IndexDamagedException damage = Should.Throw<IndexDamagedException>(() => HnswIndex.Load(bad).Dispose(), $"byte {i} of {good.Length}");
            damage.Block.ShouldNotBeNullOrEmpty();
            RandomAccess.Write(file, [good[i]], i);
        }

        HnswIndex.Load(bad).Dispose();
    }

    [Fact]
    public void A_truncation_at_any_length_is_detected_and_so_is_an_appendix()
    {
        using var folder = new TempFolder();
        using (HnswIndex index = HnswIndexTests.Build(s_rows[..20])) index.Save(folder.File("good"));
        byte[] good = File.ReadAllBytes(folder.File("good"));
        for (int length = 0; length < good.Length; length += 61)
        {
            File.WriteAllBytes(folder.File("bad"), good.AsSpan(0, length));
            Should.Throw<IndexDamagedException>(() => FlatIndex.Load(folder.File("bad")).Dispose(), $"{length} of {good.Length} bytes");
        }

        File.WriteAllBytes(folder.File("bad"), [.. good, 0]);
        Should.Throw<IndexDamagedException>(() => FlatIndex.Load(folder.File("bad")).Dispose());
    }

    [Fact]
    public void Damage_is_named_by_its_block()
    {
        using var folder = new TempFolder();
        using (HnswIndex index = HnswIndexTests.Build(s_rows[..200])) index.Save(folder.File("a"));
        byte[] bytes = File.ReadAllBytes(folder.File("a"));
        bytes[Snapshots.SnapshotFormat.PreambleBytes + 5] ^= 1;
        File.WriteAllBytes(folder.File("a"), bytes);
        Should.Throw<IndexDamagedException>(() => HnswIndex.Load(folder.File("a"))).Block.ShouldBe("vectors");
    }

    [Fact]
    public void A_newer_version_is_refused_as_such()
    {
        using var folder = new TempFolder();
        using (HnswIndex index = HnswIndexTests.Build(s_rows[..20])) index.Save(folder.File("a"));
        byte[] bytes = File.ReadAllBytes(folder.File("a"));
        Span<byte> footer = bytes.AsSpan(bytes.Length - Snapshots.SnapshotFormat.FooterBytes);
        footer[8] = 9;
        System.IO.Hashing.XxHash3.Hash(footer[..56], footer[56..]);
        // XxHash3.Hash writes big-endian; the format is little-endian.
        footer[56..64].Reverse();
        File.WriteAllBytes(folder.File("a"), bytes);
        Should.Throw<IndexVersionException>(() => HnswIndex.Load(folder.File("a"))).Version.ShouldBe(9u);
    }

    [Fact]
    public void The_snapshot_of_version_1_still_opens()
    {
        // 24 vectors of 16 dimensions under the ids 1000 to 1023, made by a seeded generator; 1003 was removed.
        using HnswIndex index = HnswIndex.Load(Path.Combine(AppContext.BaseDirectory, "Golden", "v1.fsidx"));
        index.SnapshotIds().Order().ShouldBe(Enumerable.Range(1000, 24).Where(i => i != 1003).Select(i => (long)i));
        GraphInvariants.Check(index);
        var random = new Random(20261124);
        var result = new Neighbour[1];
        for (int i = 0; i < 24; i++)
        {
            var x = new float[16];
            for (int j = 0; j < 16; j++) x[j] = random.NextSingle() - 0.5f;
            TestData.Normalise(x);
            if (i == 3) continue;
            index.Search(x, result, new SearchOptions { EfSearch = 24 });
            result[0].Id.ShouldBe(1000 + i);
            result[0].Score.ShouldBe(1, 1e-5f);
        }
    }

    [Fact]
    public void A_snapshot_written_under_load_is_a_state_that_was()
    {
        using var folder = new TempFolder();
        using HnswIndex index = HnswIndexTests.Build(s_rows[..2000]);
        using var stop = new CancellationTokenSource();
        var writer = new Thread(() =>
        {
            var random = new Random(4);
            // Ids 0 to 999 stay; 1000 to 1999 churn; above 2000 come and go.
            while (!stop.IsCancellationRequested)
            {
                int i = 1000 + random.Next(2000);
                if (index.Contains(i)) index.Remove(i);
                else index.Add(i, s_rows[i]);
                index.Update(random.Next(200), s_rows[random.Next(200)]);
            }
        });
        writer.Start();
        try
        {
            for (int round = 0; round < 5; round++)
            {
                index.Save(folder.File("a"));
                using HnswIndex loaded = HnswIndex.Load(folder.File("a"));
                var vector = new float[64];
                foreach (long id in loaded.SnapshotIds())
                {
                    loaded.TryGetVector(id, vector).ShouldBeTrue();
                    if (id >= 200) vector.ShouldBe(s_rows[id]);
                    else s_rows.Take(200).Any(r => r.AsSpan().SequenceEqual(vector)).ShouldBeTrue();
                }

                for (int i = 0; i < 1000; i++) loaded.Contains(i).ShouldBeTrue();
                HnswIndexTests.Recall(loaded, [.. s_rows.Select((r, i) => i < 200 ? s_rows[999] : r)], ef: 64).ShouldBeGreaterThan(0.0);
            }
        }
        finally
        {
            stop.Cancel();
            writer.Join();
        }

        GraphInvariants.Check(index);
    }

    private static void ShouldAnswerAlike(IVectorIndex expected, IVectorIndex actual, bool exactScores, int ef = 0)
    {
        var random = new Random(11);
        var a = new Neighbour[1];
        var b = new Neighbour[1];
        int same = 0;
        for (int q = 0; q < 100; q++)
        {
            float[] query = TestData.Near(random, s_rows[random.Next(1000)], 0.5f);
            expected.Search(query, a, new SearchOptions { EfSearch = ef });
            actual.Search(query, b, new SearchOptions { EfSearch = ef });
            if (a[0].Id == b[0].Id) same++;
            if (exactScores && a[0].Id == b[0].Id) b[0].Score.ShouldBe(a[0].Score, 1e-6f);
        }

        same.ShouldBeGreaterThanOrEqualTo(exactScores ? 99 : 90);
    }
}
