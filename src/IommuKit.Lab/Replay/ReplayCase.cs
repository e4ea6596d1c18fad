using IommuKit.Domains;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Replay;

/// <summary>One of the things that a trace is replayed on.</summary>
/// <param name="Machine">The kind of machine.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Tuning">How the driver is tuned.</param>
public sealed record ReplayCase(IommuKind Machine, SyncPolicy Policy, ReplayTuning Tuning);
