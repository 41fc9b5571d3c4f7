using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace FaceSearch.TrainingJob.Data;

/// <summary>What a person's faces are for.</summary>
public enum Split { Train, Validation, Test }

/// <summary>
/// Puts people, never single pictures, into splits by a hash of their name: the same person is in the same split on
/// every machine, in every run and after any enrolment, so a model is never judged on somebody an ancestor was
/// trained on.
/// </summary>
public static class IdentitySplit
{
    /// <summary>
    /// Put before the name. Others choose people by a plain hash of the name too (the subset of LFW used here was), and
    /// the splits of what they chose must still be of the sizes asked for.
    /// </summary>
    private const string Salt = "facesearch identity split 1\n";

    /// <summary>The split of a person.</summary>
    /// <param name="person">Name or id.</param>
    /// <param name="validation">Share of people in validation.</param>
    /// <param name="test">Share of people in test.</param>
    public static Split Of(string person, double validation, double test)
    {
        if (!(validation >= 0 && test >= 0 && validation + test < 1))
            throw new ArgumentException($"The validation and test shares must be 0 or more and below 1 together; got {validation} and {test}.");
        ulong hash = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(Salt + person)));
        double place = (hash >> 11) * (1.0 / (1UL << 53));
        return place < test ? Split.Test : place < test + validation ? Split.Validation : Split.Train;
    }
}
