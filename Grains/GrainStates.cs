namespace FaceSearch.Grains;

/// <summary>How grains store what they remember.</summary>
internal static class GrainStates
{
    /// <summary>Stores the state. What could not be stored is not kept in memory either: the activation ends, and the next call reads what is stored.</summary>
    public static async Task SaveAsync<T>(this IPersistentState<T> state, IGrainBase grain)
    {
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            grain.DeactivateOnIdle();
            throw;
        }
    }
}
