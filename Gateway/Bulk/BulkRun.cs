using FaceSearch.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace FaceSearch.Gateway.Bulk;

/// <summary>One bulk stream: items in, answers out in order of completion, a summary last.</summary>
internal sealed class BulkRun
{
    private readonly BulkEnroller _enroller;
    private readonly string _gallery;
    private readonly BulkResponse _response;
    private readonly BulkTally _tally = new();
    private readonly SemaphoreSlim _items, _images;
    private readonly int _maxItems;
    private readonly CancellationToken _cancellation;
    private long _index;

    public BulkRun(BulkEnroller enroller, string gallery, HttpContext context, GatewayOptions options)
    {
        _enroller = enroller;
        _gallery = gallery;
        _cancellation = context.RequestAborted;
        _maxItems = options.BulkInFlight;
        _items = new(options.BulkInFlight);
        _images = new(options.BulkImagesInFlight);
        // A client that sends before it reads is slow on purpose.
        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
        context.Response.ContentType = HttpApi.NdjsonMediaType;
        _response = new BulkResponse(context.Response.BodyWriter, _cancellation);
    }

    /// <summary>Takes an item; returns when there is room for another.</summary>
    public async Task AddAsync(BulkItem item)
    {
        SemaphoreSlim? images = item.Image is null ? null : _images;
        await _items.WaitAsync(_cancellation);
        if (images is not null)
            await images.WaitAsync(_cancellation);
        _ = RunAsync(_index++, item, images);
    }

    /// <summary>Answers an item that could not even be read.</summary>
    public Task RefuseAsync(string? operationId, Problem problem) => AnswerAsync(_enroller.Failed(new BulkLine(_index++, operationId), problem)).AsTask();

    /// <summary>Waits for the items in flight and writes the summary.</summary>
    /// <param name="fatal">Why the body could not be read to its end.</param>
    public async Task FinishAsync(Problem? fatal = null)
    {
        for (int i = 0; i < _maxItems; i++)
            await _items.WaitAsync(_cancellation);
        await _response.AddAsync(new BulkLine(Problem: fatal, Summary: _tally.Summary()), _cancellation);
        await _response.CompleteAsync();
    }

    private async Task RunAsync(long index, BulkItem item, SemaphoreSlim? images)
    {
        try
        {
            await AnswerAsync(await _enroller.RunAsync(_gallery, index, item, _cancellation));
        }
        catch (Exception) when (_cancellation.IsCancellationRequested)
        {
            // The client has gone: what was enrolled stays, and the client will ask again.
        }
        catch (System.Threading.Channels.ChannelClosedException)
        {
            // Likewise, noticed at the answer first.
        }
        finally
        {
            images?.Release();
            _items.Release();
        }
    }

    private ValueTask AnswerAsync(BulkLine line)
    {
        _tally.Count(line);
        return _response.AddAsync(line, _cancellation);
    }
}
