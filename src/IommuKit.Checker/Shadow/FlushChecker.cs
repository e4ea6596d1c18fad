using IommuKit.Lab.Machines;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// Watches what a driver does to page tables and hardware, keeps what hardware may hold at the worst, and compares every answer that a device may get
/// with what was promised. docs/checker.md says exactly what is assumed.
/// </summary>
/// <remarks>
/// It knows the architecture (formats, commands, what may be cached) and the promises of the API. It never asks the driver, nor the code that plans
/// flushes.
/// </remarks>
public abstract class FlushChecker
{
    private protected FlushChecker()
    {
    }

    /// <summary>Accesses to the hardware seen so far.</summary>
    public long Steps { get; protected set; }

    /// <summary>The first wrong answer that was found, or null.</summary>
    public Violation? Violation { get; protected set; }

    /// <summary>
    /// Whether it lost track, because some entry had more different values than it can tell apart. Nothing that it says from then on means anything.
    /// </summary>
    public abstract bool IsExhausted { get; }

    /// <summary>If set, receives all that happens, for a report.</summary>
    public ICheckerLog? Log { get; set; }

    /// <summary>Sees an access to the hardware, before it takes effect.</summary>
    public abstract void Observe(in MaintenanceStep access);

    /// <summary>Sees what was stored since the last access, and checks all promises.</summary>
    public abstract void Check();

    /// <summary>A device is translated by a domain from now on.</summary>
    public abstract void Attached(int device, int domain);

    /// <summary>Nothing is promised about a device any more.</summary>
    public abstract void Detached(int device);

    /// <summary>From now on a range may also be translated to something else: an operation has begun.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="iova">First IOVA.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="physicalAddress">What the first IOVA may be translated to, or null for nothing.</param>
    /// <param name="rights">With which rights.</param>
    public abstract void Permit(int domain, ulong iova, ulong size, ulong? physicalAddress, Protection rights);

    /// <summary>An operation that was to translate a range to something else has failed and changed nothing.</summary>
    public abstract void Withdraw(int domain, ulong iova, ulong size, ulong? physicalAddress, Protection rights);

    /// <summary>What a range is to be translated to from now on, whether hardware is in step or not.</summary>
    public abstract void Intend(int domain, ulong iova, ulong size, ulong? physicalAddress, Protection rights);

    /// <summary>A range must not be translated to what it was before, though hardware need not know of the new mapping yet.</summary>
    public abstract void Forbid(int domain, ulong iova, ulong size);

    /// <summary>Hardware is in step with what is intended for a range: the promise.</summary>
    public abstract void Promise(int domain, ulong iova, ulong size);

    /// <summary>Whether a device may be given an answer for a page now.</summary>
    /// <param name="domain">Its domain.</param>
    /// <param name="page">The page, by its place among those that are looked at.</param>
    /// <param name="physicalAddress">The answer: an address that may be read and written, or null for a fault.</param>
    public abstract bool IsAllowed(int domain, int page, ulong? physicalAddress);

    /// <summary>Whether something is promised about a device.</summary>
    public abstract bool IsAttached(int device);

    /// <summary>Whether it is among what hardware may do now that a device is given some answer for a page.</summary>
    /// <param name="device">The device.</param>
    /// <param name="page">The page, by its place among those that are looked at.</param>
    /// <param name="physicalAddress">The answer: an address that may be read and written, or null for a fault.</param>
    public abstract bool Foresees(int device, int page, ulong? physicalAddress);

    /// <summary>Whether an entry at some address would translate a page, if it were part of a table on the way.</summary>
    public abstract bool Translates(ulong entryAddress, int page);

    /// <summary>
    /// Counts maintenance from now on, and what of it is for nothing; hardware counts as in step with what was stored until now. This takes time.
    /// </summary>
    /// <param name="waste">Receives the counts.</param>
    public abstract void StartCounting(WasteCounts waste);

    /// <summary>
    /// The least maintenance that would have kept all promises since the last call; null while some range is not in step, and if nothing is counted.
    /// </summary>
    public abstract LeastWork? TakeLeast();
}
