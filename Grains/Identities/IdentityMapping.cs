using FaceSearch.Storage;

namespace FaceSearch.Grains;

/// <summary>From the log's records to what callers see.</summary>
internal static class IdentityMapping
{
    public static IdentityDescription Describe(StoredIdentity stored, int generation)
    {
        TemplateDescription[] templates = new TemplateDescription[stored.Templates.Count];
        for (int i = 0; i < templates.Length; i++)
        {
            StoredTemplate t = stored.Templates[i];
            templates[i] = new TemplateDescription(t.Id, generation, t.Quality, t.CreatedAt);
        }
        return new IdentityDescription(stored.Id, stored.Metadata, stored.Version, stored.CreatedAt, stored.UpdatedAt, templates);
    }
}
