using System.Diagnostics;

namespace FaceSearch.Vision.Tests;

public sealed class BadImageTests : IDisposable
{
    private readonly ImageDecoder _decoder = new(new ImageLimits { DecodeTimeout = TimeSpan.FromMinutes(2), QueueTimeout = TimeSpan.FromMinutes(2) });

    public void Dispose() => _decoder.Dispose();

    [Fact]
    public void Every_bad_image_ends_in_its_typed_rejection_or_a_picture()
    {
        List<string> wrong = [];
        foreach (BadImage bad in BadImages.All())
        {
            string? code = null;
            try
            {
                using DecodedImage image = _decoder.Decode(bad.Bytes);
            }
            catch (ImageRejectedException e)
            {
                code = e.Code;
                e.Message.ShouldEndWith(".");
            }
            if (code != bad.Code && !(bad.MayBeAccepted && code is null))
                wrong.Add($"{bad.Name}: expected {bad.Code ?? "accepted"}, got {code ?? "accepted"}");
        }
        wrong.ShouldBeEmpty();
    }

    [Fact]
    public void A_bomb_costs_neither_memory_nor_time()
    {
        foreach (BadImage bomb in BadImages.Bombs())
        {
            long before = PeakResidentBytes();
            long start = Stopwatch.GetTimestamp();
            try
            {
                _decoder.Decode(bomb.Bytes).Dispose();
                bomb.MayBeAccepted.ShouldBeTrue(bomb.Name);
            }
            catch (ImageRejectedException)
            {
                // Which reason it is, the test above asserts.
            }
            Stopwatch.GetElapsedTime(start).TotalSeconds.ShouldBeLessThan(2, bomb.Name);
            (PeakResidentBytes() - before).ShouldBeLessThan(256L << 20, bomb.Name);
        }
    }

    [Fact]
    public void A_flipped_byte_anywhere_never_does_worse_than_a_rejection()
    {
        var random = new Random(5);
        foreach (string suffix in (string[])[".jpg", ".png", ".webp", ".gif", ".tif"])
        {
            byte[] sound = BadImages.Save(BadImages.Pattern(48, 40), suffix);
            for (int i = 0; i < 200; i++)
            {
                byte[] bytes = [.. sound];
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                try
                {
                    using DecodedImage image = _decoder.Decode(bytes);
                    image.Pixels.Length.ShouldBe(image.Width * image.Height * 3);
                }
                catch (ImageRejectedException e)
                {
                    e.Reason.ShouldNotBe(ImageRejection.Busy);
                }
            }
        }
    }

    private static long PeakResidentBytes()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Reads /proc/self/status.");
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024;
    }
}
