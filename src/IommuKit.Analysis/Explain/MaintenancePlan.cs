using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Explain;

/// <summary>
/// The maintenance of one operation, taken apart: what is written back in which pieces, what is dropped in
/// which pieces, and how often there is a wait.
/// </summary>
internal sealed class MaintenancePlan
{
    /// <summary>Takes steps apart.</summary>
    /// <param name="steps">What a driver did, in order.</param>
    public MaintenancePlan(IEnumerable<MaintenanceStep> steps)
    {
        var cleans = new List<MaintenanceStep>();
        var pieces = new List<List<MaintenanceStep>>();
        bool isOpen = false;
        foreach (var step in steps)
        {
            switch (step.Kind)
            {
                case MaintenanceKind.Clean:
                    cleans.Add(step);
                    break;
                case MaintenanceKind.Barrier:
                    Barriers++;
                    break;
                case MaintenanceKind.RegisterRead:
                    // A read-back ends a piece of invalidation.
                    Reads++;
                    ReadBack = step;
                    isOpen = false;
                    break;
                default:
                    if (!isOpen)
                    {
                        pieces.Add([]);
                        isOpen = true;
                    }

                    pieces[^1].Add(step);
                    break;
            }
        }

        Cleans = cleans;
        Invalidations = pieces;
    }

    /// <summary>Pieces of memory written back.</summary>
    public IReadOnlyList<MaintenanceStep> Cleans { get; }

    /// <summary>Register writes, in the pieces between read-backs.</summary>
    public IReadOnlyList<IReadOnlyList<MaintenanceStep>> Invalidations { get; }

    /// <summary>Barriers after cleans.</summary>
    public int Barriers { get; }

    /// <summary>Read-backs after invalidations.</summary>
    public int Reads { get; }

    /// <summary>The read-back, if there is one.</summary>
    public MaintenanceStep ReadBack { get; }
}
