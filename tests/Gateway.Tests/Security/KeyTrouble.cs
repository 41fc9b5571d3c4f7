namespace FaceSearch.Gateway.Tests.Security;

/// <summary>Makes the grain that has the keys late, or fail, as it does when its state cannot be read.</summary>
internal sealed class KeyTrouble : IIncomingGrainCallFilter
{
    /// <summary>What happens before the keys are told; nothing at first.</summary>
    public Func<Task> Before { get; set; } = () => Task.CompletedTask;

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.ImplementationMethod.Name == nameof(IApiKeyGrain.GetHashesAsync))
            await Before();
        await context.Invoke();
    }
}
