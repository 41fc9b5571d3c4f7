using System.Threading.Channels;
using FaceSearch.Vision;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FaceSearch.Gateway.Faces;

/// <summary>
/// Shows a model in shadow a sample of live probes. Answers never wait for it: a probe is offered after its own embedding is there,
/// to a queue of four that drops what does not fit, at most so many a second, and one at a time is looked at.
/// </summary>
internal sealed partial class ShadowSampler(
    Catalogue catalogue, VisionModels models, IGrainFactory grains, IOptions<GatewayOptions> options, TimeProvider time, ILogger<ShadowSampler> log) : BackgroundService
{
    private const int Waiting = 4;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly Channel<Sample> _samples = Channel.CreateBounded<Sample>(new BoundedChannelOptions(Waiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly TimeSpan _gap = options.Value.ShadowProbesPerSecond > 0 ? TimeSpan.FromSeconds(1 / options.Value.ShadowProbesPerSecond) : TimeSpan.MaxValue;
    private long _nextAt;

    private sealed record Sample(string Active, string Shadow, ReadOnlyMemory<byte> Image, EmbeddedFace Face);

    /// <summary>Offers the first face of an identified image; returns at once.</summary>
    public void Offer(string active, ReadOnlyMemory<byte> image, EmbeddedFace face)
    {
        if (_gap == TimeSpan.MaxValue || catalogue.ShadowInMemory is not { } shadow || shadow == active)
            return;
        long now = time.GetTimestamp(), next = Interlocked.Read(ref _nextAt);
        if (now < next || Interlocked.CompareExchange(ref _nextAt, now + (long)(_gap.TotalSeconds * time.TimestampFrequency), next) != next)
            return;
        _samples.Writer.TryWrite(new Sample(active, shadow, image, face));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (Sample sample in _samples.Reader.ReadAllAsync(stoppingToken))
        {
            try
            {
                if (await CropAsync(sample, stoppingToken) is { } crop)
                    await grains.GetGrain<IShadowGrain>(sample.Shadow).ObserveAsync(sample.Active, sample.Face.Embedding, crop).WaitAsync(Limit, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // a shadow that fails is for the operator to see, and for nobody to wait for
            catch (Exception e)
#pragma warning restore CA1031
            {
                LogFailed(log, sample.Shadow, e.GetType().Name);
            }
        }
    }

    /// <summary>The same face as the shadow model wants it: the crop there is, or one aligned anew. Null if the model's eye finds another face.</summary>
    private async Task<FaceCrop?> CropAsync(Sample sample, CancellationToken cancellation)
    {
        if (models.AlignAlike(sample.Active, sample.Shadow))
            return new FaceCrop(sample.Face.Candidate.Crop.Size, sample.Face.Candidate.Crop.Rgb);
        FaceAnalysis analysis = await models.PipelineFor(sample.Shadow).AnalyseAsync(sample.Image, cancellation: cancellation);
        AlignedFace? same = analysis.Faces.FirstOrDefault(f => f.ToFace().Box == sample.Face.Candidate.ToFace().Box)?.Crop;
        return same is null ? null : new FaceCrop(same.Size, same.Rgb);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {Model} in shadow could not look at a probe ({Error}).")]
    private static partial void LogFailed(ILogger log, string model, string error);
}
