# Fills an empty Redmine: the default trackers and states, one project, as many issues as ROWS says,
# REST switched on. Prints the API key of the administrator last.
Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
admin = User.find_by!(login: 'admin')
admin.update_columns(must_change_passwd: false)
project = Project.create!(name: 'Harbour', identifier: 'harbour', trackers: Tracker.all)
Issue.transaction do
  ENV.fetch('ROWS').to_i.times do |n|
    Issue.create!(
      project: project, tracker: Tracker.first, author: admin, priority: IssuePriority.first,
      status: IssueStatus.first, subject: "Issue number #{n + 1} ünï", done_ratio: n % 11 * 10 % 101,
    )
  end
end
puts admin.api_key
