namespace IommuKit.Lab.Checker.Scenarios;

/// <summary>Every interruption of one operation by another, after a few operations before them.</summary>
public static class Interleavings
{
    /// <summary>All scenarios of some length whose last operation but one is interrupted by the last, before each of its accesses to the hardware.</summary>
    /// <param name="configuration">What is checked.</param>
    /// <param name="bug">The planted bug, or null.</param>
    /// <param name="depth">Operations, at least 2.</param>
    public static IEnumerable<CheckCase> All(CheckConfiguration configuration, Planted.PlantedBug? bug, int depth)
    {
        foreach (var sequence in SmallScope.Sequences(SmallScope.Alphabet(configuration), depth))
        {
            int index = depth - 2;
            if (!AreIndependent(sequence[index], sequence[index + 1]))
            {
                continue;
            }

            // How many accesses the operation has when nothing interrupts it.
            CheckOperation[] operations = [.. sequence];
            int accesses = new CheckCase(configuration, bug, operations[..(index + 1)], new Preemption(depth, 0)).Run().LastAccesses;
            for (int access = 0; access < accesses; access++)
            {
                yield return new CheckCase(configuration, bug, operations, new Preemption(index, access));
            }
        }
    }

    /// <summary>Whether two threads may do the operations at once: on two domains, or on ranges of one domain that do not overlap.</summary>
    public static bool AreIndependent(in CheckOperation one, in CheckOperation other) =>
        one.Domain != other.Domain
        || (one.Size != 0 && other.Size != 0 && (one.Iova + one.Size <= other.Iova || other.Iova + other.Size <= one.Iova));
}
