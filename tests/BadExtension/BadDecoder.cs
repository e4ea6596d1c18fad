using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;

namespace BadExtension;

/// <summary>Knows no command.</summary>
public sealed class BadDecoder : ICommandDecoder
{
    public void Decode(in MaintenanceStep access, ShadowCommands commands) => throw new NotSupportedException("no such register");
}
