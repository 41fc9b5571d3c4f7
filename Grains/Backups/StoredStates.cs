using System.Reflection;
using FaceSearch.Grains.Galleries;
using Orleans.Metadata;

namespace FaceSearch.Grains.Backups;

/// <summary>Which grain class keeps which state.</summary>
public static class StoredStates
{
    /// <summary>Grain types of this assembly by the name of the state they keep.</summary>
    public static IReadOnlyDictionary<string, GrainType> Types(GrainTypeResolver resolver)
    {
        Dictionary<string, GrainType> types = [];
        foreach (Type type in typeof(GalleryGrain).Assembly.GetTypes().Where(t => t is { IsAbstract: false } && typeof(Grain).IsAssignableFrom(t)))
        {
            foreach (PersistentStateAttribute state in type.GetConstructors().SelectMany(c => c.GetParameters()).Select(p => p.GetCustomAttribute<PersistentStateAttribute>()).OfType<PersistentStateAttribute>())
                types.Add(state.StateName, resolver.GetGrainType(type));
        }
        return types;
    }
}
