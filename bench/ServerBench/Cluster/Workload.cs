namespace FaceSearch.ServerBench.Cluster;

/// <summary>A question and what it is about.</summary>
/// <param name="Vector">The embedding.</param>
/// <param name="Body">The request.</param>
/// <param name="Person">Number of the enrolled person; null: a stranger.</param>
internal sealed record Probe(float[] Vector, byte[] Body, int? Person);

/// <summary>Templates to enrol and seeded questions: new photographs of enrolled people, and every <see cref="Stranger"/>th of somebody else.</summary>
internal sealed class Workload
{
    /// <summary>A power of two, so that request i asks probe i modulo it.</summary>
    public const int Probes = 4_096;

    public const int Stranger = 8;

    private readonly Probe[] _probes = new Probe[Probes];

    public Workload(int identities)
    {
        Identities = identities;
        Templates = new Templates(identities + (Probes / Stranger));
        var random = new Random(2);
        for (int i = 0; i < Probes; i++)
        {
            bool known = i % Stranger != 0;
            int person = known ? random.Next(identities) : identities + (i / Stranger);
            Embedding probe = Templates.Probe(person, random);
            _probes[i] = new Probe(probe.Values.ToArray(), ServerClient.IdentifyBody(probe), known ? person : null);
        }
    }

    /// <summary>Enrolled: the first so many of <see cref="Templates"/>.</summary>
    public int Identities { get; }

    public Templates Templates { get; }

    public Probe this[int request] => _probes[request & (Probes - 1)];
}
