using System.Globalization;

namespace IommuKit.Traces.Faults;

/// <summary>
/// What a trace says of which device is in which domain: VT-d prints the number of a domain where it assigns a tag, just before the event of the
/// attachment; and a task that moves devices into a domain of its own, as VFIO has it, attaches them itself.
/// </summary>
internal sealed class DeviceDomains
{
    private const int MaxDevices = 1 << 14;

    private readonly Dictionary<uint, int> _domains = [];
    private readonly Dictionary<int, HashSet<uint>> _moved = [];
    private (int Task, ushort Domain)? _tag;
    private int _moves;

    // One of those that are not on PCI, which have no number to tell them apart.
    private bool _hasOther;

    /// <summary>Devices that were seen attached.</summary>
    public int Devices => _domains.Count + (_hasOther ? 1 : 0);

    /// <summary>Whether the number of any domain was seen.</summary>
    public bool HasDomains { get; private set; }

    /// <summary>Takes note of a tag.</summary>
    public void Assign(int task, ushort domain)
    {
        HasDomains = true;
        _tag ??= (task, domain);
    }

    /// <summary>Takes note that something else happened: the tag was of no attachment that is recorded.</summary>
    public void ForgetTag() => _tag = null;

    /// <summary>Takes note of a device that comes.</summary>
    /// <param name="task">The task that attaches it.</param>
    /// <param name="number">The device; null if it is not on PCI.</param>
    public void Attach(int task, uint? number)
    {
        int domain = _tag is { } tag && tag.Task == task ? tag.Domain : -1;
        _tag = null;
        if (number is not { } device)
        {
            _hasOther = true;
            return;
        }

        if (_domains.ContainsKey(device))
        {
            if (task != 0 && _moves < MaxDevices)
            {
                _moved.TryAdd(task, []);
                _moves += _moved[task].Add(device) ? 1 : 0;
            }
        }
        else if (_domains.Count == MaxDevices)
        {
            return;
        }

        _domains[device] = domain;
    }

    /// <summary>Whether the device of a fault was seen coming into a domain; where the message names none, any device that is not on PCI.</summary>
    public bool HasAttached(LoggedFault fault) => fault.Requester is { } requester
        ? _domains.Keys.Any(device => IsSame(device, requester, fault.HasSegment))
        : _hasOther;

    /// <summary>The number of a device's domain; -1 if it is not known.</summary>
    public int DomainOf(LoggedFault fault)
    {
        if (fault.Requester is not { } requester)
        {
            return -1;
        }

        if (fault.HasSegment)
        {
            return _domains.GetValueOrDefault(requester, -1);
        }

        // The same numbers in several segments would be several devices.
        var found = _domains.Where(pair => (pair.Key & 0xffff) == (requester & 0xffff)).Take(2).ToList();
        return found.Count == 1 ? found[0].Value : -1;
    }

    /// <summary>
    /// The PCI function that a stream or endpoint most likely is, as they are usually numbered alike; null if no such function was attached.
    /// </summary>
    public string? LikelyDevice(LoggedFault fault)
    {
        if (fault.Requester is not { } requester || fault.HasSegment
            || fault.Reporter is not (FaultReporter.SmmuV2 or FaultReporter.SmmuV3 or FaultReporter.Virtio or FaultReporter.RiscV))
        {
            return null;
        }

        var found = _domains.Keys.Where(device => device != 0 && (device & 0xffff) == requester).Take(2).ToList();
        return found.Count == 1 ? Name(found[0]) : null;
    }

    /// <summary>
    /// Whether a map, and the unmap of it if there is one, was made by a task for devices that it has moved into a domain of its own, and a
    /// fault's device is not among them; and if so the names of some of those devices.
    /// </summary>
    public string? OthersOf(LoggedFault fault, in MappingMoment map, in MappingMoment unmap)
    {
        if (!map.IsKnown || map.IsInInterrupt || fault.Requester is not { } requester || !_moved.TryGetValue(map.Task, out var devices)
            || (unmap.IsKnown && (unmap.IsInInterrupt || unmap.Task != map.Task)))
        {
            return null;
        }

        bool isAttached = _domains.Keys.Any(device => IsSame(device, requester, fault.HasSegment));
        return isAttached && !devices.Any(device => IsSame(device, requester, fault.HasSegment))
            ? string.Join(", ", devices.Order().Take(3).Select(Name)) + (devices.Count > 3 ? " and others" : string.Empty)
            : null;
    }

    /// <summary>"0000:00:04.0".</summary>
    public static string Name(uint device) => string.Create(
        CultureInfo.InvariantCulture, $"{device >> 16:x4}:{(device >> 8) & 0xff:x2}:{(device >> 3) & 0x1f:x2}.{device & 7}");

    private static bool IsSame(uint device, uint requester, bool hasSegment) =>
        hasSegment ? device == requester : (device & 0xffff) == (requester & 0xffff);
}
