namespace FaceSearch.Grains.Identities;

/// <summary>What an identity's changes must satisfy; messages name the field and its bounds.</summary>
internal static class IdentityRules
{
    public const int MaxTemplatesPerCommand = 64, MaxTemplatesPerIdentity = 1000;
    public const int MaxMetadataKeys = 32, MaxMetadataKey = 64, MaxMetadataValue = 512;

    public static void CheckId(string identity)
    {
        if (!Ids.IsIdentity(identity))
            throw FaceSearchException.Invalid($"An identity id is 1 to {Ids.MaxIdentity} characters without '/', '\\', '%', control characters or spaces at its ends.");
    }

    public static void CheckOperation(string operationId)
    {
        if (!Ids.IsOperation(operationId))
            throw FaceSearchException.Invalid($"An operation id is 1 to {Ids.MaxOperation} visible ASCII characters.");
    }

    public static void Check(EnrolCommand command)
    {
        CheckOperation(command.OperationId);
        if (command.Templates.Count is 0 or > MaxTemplatesPerCommand)
            throw FaceSearchException.Invalid($"An enrolment carries 1 to {MaxTemplatesPerCommand} templates; got {command.Templates.Count}.");
        if (command.Metadata is not null)
            CheckMetadata(command.Metadata);
    }

    public static void CheckMetadata(IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count > MaxMetadataKeys)
            throw FaceSearchException.Invalid($"metadata is limited to {MaxMetadataKeys} keys; got {metadata.Count}.");
        foreach ((string key, string value) in metadata)
        {
            if (key.Length is 0 or > MaxMetadataKey)
                throw FaceSearchException.Invalid($"A metadata key has 1 to {MaxMetadataKey} characters; got {key.Length}.");
            if (value is null || value.Length > MaxMetadataValue)
                throw FaceSearchException.Invalid($"metadata['{key}'] must be a text of at most {MaxMetadataValue} characters.");
        }
    }
}
