namespace FaceSearch.Storage;

/// <summary>What every provider demands of a change before it looks at its store.</summary>
public static class ChangeRules
{
    /// <exception cref="ArgumentException">The change contradicts itself, changes nothing, or holds an invalid id.</exception>
    public static void Check(IdentityChange change)
    {
        if (!Ids.IsOperation(change.OperationId))
            throw new ArgumentException("The operation id is not 1 to 128 visible ASCII characters.", nameof(change));
        if (!Ids.IsIdentity(change.Identity))
            throw new ArgumentException("The identity id is not valid.", nameof(change));
        if (change.Erase && (change.Add.Count > 0 || change.Remove.Count > 0 || change.Metadata is not null))
            throw new ArgumentException("An erasure adds, removes and sets nothing else.", nameof(change));
        if (!change.Erase && change.Add.Count == 0 && change.Remove.Count == 0 && change.Metadata is null)
            throw new ArgumentException("The change changes nothing.", nameof(change));
    }
}
